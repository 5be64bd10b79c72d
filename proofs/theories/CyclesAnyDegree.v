(** Any degree, nothing supposed of the graph: multipliers come from scales iff at every unit some log-scale comes back to
    itself around every cycle, and at units that are not free the log-scale 0 does. For degree 1 this says that the signed
    sums vanish (CyclesVanish.v).

    [carried g L w t]   the log-scale of the end of the walk w (Manifold.v), where the start has log-scale t and the
                        log-multipliers are to be L: t becomes L e + c_tail t along a connection taken forwards, and
                        (t - L e) / c_tail along one taken backwards.
    [returns g L i t]   every cycle carries t from i to itself.
    [base g b i]        where walks to i begin (CyclesVanish.v). *)
From Coq Require Import Reals Psatz List Arith Lia Classical_Prop.
From synbal Require Import Sums Graph Regularizer Convexity Existence Manifold Anchored CycleGains CyclesVanish.
Import ListNotations.
Open Scope R_scope.

Fixpoint carried g (L : connection -> R) (w : list move) (t : R) : R := match w with
  | [] => t
  | Forward e :: w => carried g L w (L e + degree g (tail e) * t)
  | Backward e :: w => carried g L w ((t - L e) / degree g (tail e))
  | Jump _ :: w => carried g L w t
  end.

Definition returns g L i t := forall w, walk g i w i -> carried g L w t = t.

Lemma carried_app g L v w t : carried g L (v ++ w) t = carried g L w (carried g L v t).
Proof. revert t. induction v as [|[e|e|j] v IH]; simpl; intro t; auto. Qed.

Lemma carried_affine g L w s t : carried g L w s - carried g L w t = gain g w * (s - t).
Proof.
  revert s t. induction w as [|[e|e|j] w IH]; simpl; intros s t; rewrite ?IH; try ring.
  field. pose proof (cond_pos (degree g (tail e))). lra.
Qed.

Lemma carried_back g L i w j : walk g i w j -> exists v, walk g j v i /\ forall t, carried g L v (carried g L w t) = t.
Proof.
  induction 1 as [i|e w k I W [v [V S]]|e w k I W [v [V S]]|i j w k F F' W [v [V S]]].
  - exists []. split; [constructor|reflexivity].
  - exists (v ++ [Backward e]). split; [eapply walk_app; [exact V|]; constructor; auto; constructor|].
    intro t. simpl. rewrite carried_app, S. simpl. field. pose proof (cond_pos (degree g (tail e))). lra.
  - exists (v ++ [Forward e]). split; [eapply walk_app; [exact V|]; constructor; auto; constructor|].
    intro t. simpl. rewrite carried_app, S. simpl. field. pose proof (cond_pos (degree g (tail e))). lra.
  - exists (v ++ [Jump i]). split; [eapply walk_app; [exact V|]; constructor; auto; constructor|].
    intro t. simpl. rewrite carried_app. simpl. apply S.
Qed.

(** Scales are carried along every walk. *)
Lemma scales_carried g L x i w j : grounded g x -> (forall e, In e (connections g) -> L e = exponent g x e) ->
  walk g i w j -> carried g L w (x i) = x j.
Proof.
  intros G E. induction 1 as [i|e w k I W IH|e w k I W IH|i j w k F F' W IH]; simpl; auto.
  - rewrite <- IH. f_equal. rewrite E by auto. unfold exponent. ring.
  - rewrite <- IH. f_equal. rewrite E by auto. unfold exponent. field. pose proof (cond_pos (degree g (tail e))). lra.
  - rewrite <- IH. f_equal. now rewrite !G.
Qed.

Section Cycles.
Variables (g : graph) (L : connection -> R).
Hypothesis come_back : forall i, exists t, (free g i = false -> t = 0) /\ returns g L i t.

(** One of the log-scales that come back: 0 if it does; else there is only one. *)
Let chosen i t := (free g i = false -> t = 0) /\ returns g L i t /\ (returns g L i 0 -> t = 0).

Lemma chosen_exists i : exists t, chosen i t.
Proof.
  destruct (classic (returns g L i 0)) as [Z|N]; [exists 0; unfold chosen; auto|].
  destruct (come_back i) as [t [F R]]. exists t. unfold chosen. tauto.
Qed.

Lemma chosen_unique i s t : chosen i s -> chosen i t -> s = t.
Proof.
  intros [_ [Rs Zs]] [_ [Rt Zt]]. destruct (classic (returns g L i 0)) as [Z|N]; [now rewrite Zs, Zt|].
  apply NNPP. intro D. apply N. intros w W.
  pose proof (carried_affine g L w s t) as A. rewrite Rs, Rt in A by auto.
  assert (G : gain g w = 1) by (apply (Rmult_eq_reg_r (s - t)); lra).
  pose proof (carried_affine g L w s 0) as B. rewrite Rs, G in B by auto. lra.
Qed.

Let start i := proj1_sig (singled_out (chosen i) (chosen_exists i) (chosen_unique i)).

Lemma start_chosen i : chosen i (start i).
Proof. apply proj2_sig. Qed.

Let height i t := exists b w, base g b i /\ walk g b w i /\ t = carried g L w (start b).

Lemma height_some i : exists t, height i t.
Proof. destruct (base_exists g i) as [b B]. pose proof B as [[w W] _]. exists (carried g L w (start b)), b, w. auto. Qed.

Lemma height_one i s t : height i s -> height i t -> s = t.
Proof.
  intros [b [v [[_ B] [V ->]]]] [c [w [[_ C] [W ->]]]].
  destruct (carried_back g L c w i W) as [u [U S]].
  (* from c to b, carrying the start of c to that of b *)
  assert (Close : exists m, walk g c m b /\ carried g L m (start c) = start b).
  { destruct B as [Fb|[N Lb]], C as [Fc|[N' Lc]].
    - exists [Jump b]. split; [constructor; auto; constructor|]. simpl.
      now rewrite (proj1 (start_chosen b) Fb), (proj1 (start_chosen c) Fc).
    - exfalso. apply N'. exists b, v. auto.
    - exfalso. apply N. exists c, w. auto.
    - replace c with b; [exists []; split; [constructor|reflexivity]|].
      destruct (Nat.lt_total b c) as [K|[K|K]]; auto; exfalso; [apply (Lc b K)|apply (Lb c K)]; eexists; eauto. }
  destruct Close as [m [X Z]].
  pose proof (proj1 (proj2 (start_chosen b)) _ (walk_app g _ _ _ _ _ V (walk_app g _ _ _ _ _ U X))) as K.
  rewrite !carried_app in K.
  (* the walk u undoes w, so v and w carry to the same *)
  pose proof (carried_affine g L (u ++ m) (carried g L v (start b)) (carried g L w (start c))) as A.
  rewrite !carried_app, S, K, Z in A. pose proof (gain_pos g (u ++ m)).
  assert (P : gain g (u ++ m) * (carried g L v (start b) - carried g L w (start c)) = 0) by lra.
  apply Rmult_integral in P. destruct P; lra.
Qed.

Lemma returns_give_scales : from_scales g L.
Proof.
  set (x := fun i => proj1_sig (singled_out (height i) (height_some i) (height_one i))).
  assert (X : forall i, height i (x i)) by (intro i; apply proj2_sig).
  exists x. split.
  - intros i F. apply (height_one i); [apply X|]. exists i, []. split; [|split; [constructor|]].
    + split; [apply joined_itself|now left].
    + simpl. symmetry. exact (proj1 (start_chosen i) F).
  - intros e I. unfold exponent.
    assert (S : walk g (tail e) [Forward e] (head e)) by (constructor; auto; constructor).
    enough (x (head e) = L e + degree g (tail e) * x (tail e)) by lra. apply (height_one (head e)); [apply X|].
    destruct (X (tail e)) as [b [w [B [W ->]]]]. exists b, (w ++ [Forward e]). split; [|split].
    + apply (base_along g b (tail e)); auto. now exists [Forward e].
    + eapply walk_app; eauto.
    + rewrite carried_app. reflexivity.
Qed.
End Cycles.

(** The theorem *)
Theorem from_scales_iff_cycles_return g L :
  from_scales g L <-> forall i, exists t, (free g i = false -> t = 0) /\ returns g L i t.
Proof.
  split; [|now apply returns_give_scales]. intros [x [G E]] i. exists (x i). split; [apply G|].
  intros w W. now apply (scales_carried g L x i w i).
Qed.
